"""The API's paths, one module for each part."""
