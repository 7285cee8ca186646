"""After and beside a release: is the new adapter worse, does the traffic change, what would a candidate say."""
