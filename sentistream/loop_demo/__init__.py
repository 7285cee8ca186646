"""The trainer's loop shown on a platform from another domain: labels in, a better adapter out, while messages flow."""
