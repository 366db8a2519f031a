"""The one strict reader of a muscle map, for pages, exports and groups."""
