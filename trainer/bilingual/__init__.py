"""The bilingual model that ships: bge-small-en-v1.5 read from left to right, with Chinese, taught on many corpora."""
