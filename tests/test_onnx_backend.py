"""An ONNX file is opened if it is a vocoder of ours, and otherwise refused in one line."""

import json

import pytest
import torch

from tests.small_vocoder import N_MELS, random_generator, refusal, small_config

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from hifigan.vocoding.onnx_backend import OnnxGenerator, load_onnx  # noqa: E402
from hifigan.vocoding.onnx_export import export_onnx  # noqa: E402


@pytest.fixture
def exported(tmp_path):
    config = small_config()
    export_onnx(random_generator(config), config, tmp_path / "v.onnx")
    return tmp_path / "v.onnx"


def with_metadata(path, **changed: str | None):
    """The file with entries changed, or left out where they are None."""
    model = onnx.load(path)
    metadata = {entry.key: entry.value for entry in model.metadata_props} | changed
    del model.metadata_props[:]
    kept = {key: value for key, value in metadata.items() if value is not None}
    onnx.helper.set_model_props(model, kept)
    onnx.save(model, path)
    return path


def test_it_computes_with_as_many_threads_as_torch(exported):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        assert load_onnx(exported).in_threads.n_threads == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_threads_share_the_frames_or_the_batch_and_change_no_sample(exported, n_threads):
    alone = load_onnx(exported)
    shared = OnnxGenerator(alone.session, alone.config, n_threads=n_threads)
    lengths = []
    run = shared.in_threads.run
    shared.in_threads.run = lambda mel: lengths.append(tuple(mel.shape)) or run(mel)
    context = shared.in_threads.context_frames
    for n_items, n_frames in ((1, 1), (1, context), (1, 4 * context + 1), (2, 60), (5, 9)):
        mel = torch.randn(n_items, alone.config.audio.n_mels, n_frames) - 5
        lengths.clear()
        torch.testing.assert_close(shared(mel), run(mel), atol=1e-6, rtol=0)
        together = n_threads if n_items >= n_threads or n_frames > 3 * context else 1
        assert len(lengths) == together, (n_items, n_frames)


def test_a_file_that_is_not_there_is_told(tmp_path):
    assert "v.onnx: no such file, expected an ONNX" in refusal(load_onnx, tmp_path / "v.onnx")
    assert "is a folder, expected an ONNX file" in refusal(load_onnx, tmp_path)


@pytest.mark.parametrize("contents", [b"", b"no ONNX at all", b"\x08\x07"])
def test_a_file_that_is_no_onnx_is_told(tmp_path, contents):
    (tmp_path / "v.onnx").write_bytes(contents)
    message = refusal(load_onnx, tmp_path / "v.onnx")
    assert message.startswith(f"{tmp_path / 'v.onnx'}: not a whole ONNX file")


def test_half_a_file_is_told(exported):
    whole = exported.read_bytes()
    for share in (0.1, 0.5, 0.9):
        exported.write_bytes(whole[: int(share * len(whole))])
        assert "write it anew with python -m hifigan.export_onnx" in refusal(load_onnx, exported)


def test_an_onnx_file_of_another_program_is_told(exported):
    with_metadata(exported, config=None, mel_fingerprint=None)
    message = refusal(load_onnx, exported)
    assert "without the metadata config and mel_fingerprint, expected a vocoder's" in message


def test_a_lost_fingerprint_is_told(exported):
    with_metadata(exported, mel_fingerprint=None)
    assert "without the metadata mel_fingerprint" in refusal(load_onnx, exported)


def test_a_config_that_is_damaged_is_told(exported):
    with_metadata(exported, config="{")
    assert "its metadata config is not JSON" in refusal(load_onnx, exported)
    with_metadata(exported, config='{"audio": {}}')
    assert f"{exported}: metadata config" in refusal(load_onnx, exported)
    with_metadata(exported, config="[]")
    assert "expected a section" in refusal(load_onnx, exported)


def test_a_config_changed_afterwards_is_told(exported):
    values = json.loads(metadata_of(exported)["config"])
    values["audio"]["f_max"] = 3000.0
    with_metadata(exported, config=json.dumps(values))
    assert "so one was changed afterwards" in refusal(load_onnx, exported)


def metadata_of(path) -> dict[str, str]:
    return {entry.key: entry.value for entry in onnx.load(path).metadata_props}


@pytest.mark.parametrize("shape", [(N_MELS, 5), (1, N_MELS + 1, 5), (1, N_MELS, 0), (0, N_MELS, 5)])
def test_a_mel_of_another_shape_is_told(exported, shape):
    message = refusal(load_onnx(exported), torch.zeros(shape))
    assert f"found the shape {list(shape)}, expected [B, {N_MELS}, T]" in message
