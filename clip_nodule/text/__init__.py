"""Words for a model: wordings of reports, their augmentation, sentences about features, tokens, Gemini."""
