"""The user study: blind pairs of clips on one page, the votes of many raters, and what they amount to."""
