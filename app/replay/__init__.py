"""The checks of a replay: everything that is stored beside the events is derived from them again and compared."""
