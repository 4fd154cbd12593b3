"""Rise and fall: from single checks to a verdict. Pure."""
