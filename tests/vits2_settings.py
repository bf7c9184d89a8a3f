"""Settings that give the smallest config what VITS2 adds."""

FLOW_TRANSFORMER = (
    'model.flow.transformer={"filter_channels": 16, "n_heads": 2, "n_layers": 1, '
    '"kernel_size": 3, "dropout": 0.1, "attention_window": 4}'
)
SPEAKER_LAYER = ("model.text_encoder.n_layers=2", "model.text_encoder.speaker_layer=2")
DURATIONS = 'discriminator.durations={"hidden_channels": 12, "kernel_size": 3}'
JUDGED = (DURATIONS, "loss.duration_adversarial=1")
