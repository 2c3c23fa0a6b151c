"""Rate and distortion measured on files: data sets, codecs to compare with, BD-rates, the report of `bisic eval`."""
