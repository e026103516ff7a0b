"""How the model is *asked*: an HTTP service over the ground floor. Never imports training, torch or transformers."""
