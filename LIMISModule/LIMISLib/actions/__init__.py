"""What each command does to a session: `by_command.ACTIONS` names an action a command."""
