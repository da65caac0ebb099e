"""Each finding kept from training in turn."""
