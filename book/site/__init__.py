"""Looking at the built site: browser, links, downloads, PDF."""
