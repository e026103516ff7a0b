"""How the model is made and measured: corpus, fine-tuning, export, evaluation, scoring. Never imported by service."""
