"""What a voice has of VITS2 (arXiv 2307.16430), which other programs' forms of VITS cannot hold."""

from vits.config import VitsConfig


def parts_of_vits2(config: VitsConfig) -> list[str]:
    """In the words of an error; nothing for a voice of VITS."""
    there = {
        "its flow has transformers": config.model.flow.transformer is not None,
        "its text encoder has a speaker_layer": config.model.text_encoder.speaker_layer is not None,
    }
    return [part for part, is_there in there.items() if is_there]
