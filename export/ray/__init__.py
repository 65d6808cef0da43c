"""The engine that embeds on a Ray cluster. Nothing else imports it, and it needs the extra `ray`."""
