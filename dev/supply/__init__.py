"""What is known of the packages that seeklet brings along: their licences, a list of them for auditors, and their flaws."""
