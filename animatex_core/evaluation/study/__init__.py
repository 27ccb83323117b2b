"""The user study: blind pairs of clips on an HTML page, the votes of raters, and their evaluation."""
