"""What the model *is*: labels, preprocessing, engines, decision rule and artifact. Knows neither HTTP nor training."""
