"""From a folder of each kind to the document that its page shows."""
