"""Why a message is held, or not sent."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["HOLDING", "REASONS"]

#: Every reason code, and what it says to a person.
REASONS: Mapping[str, str] = {
    "superseded": "what set it off is no longer so",
    "condition_false": "a condition was not met",
    "condition_unknown": "a condition could not be answered: something is not known",
    "stale": "it would have come too late to be of use",
    "no_address": "no address is known, or none that is valid",
    "channel_unavailable": "no channel that could carry it",
    "country_forbids": "no SMS is sent to numbers of that country",
    "suppressed": "the address must not be written to",
    "no_consent": "the customer has not agreed to this kind of message",
    "muted": "an operator silenced it",
    "paused": "an operator stopped it for the time being",
    "watching": "the rule only watches",
    "brake": "the rule sends far more than it should: somebody has to look first",
    "collecting": "what comes until then goes out together",
    "collected": "it goes out together with others, in one message",
    "discarded": "an operator discarded what the brake had held",
    "already_sent": "the rule has told this before, or is about to",
    "topic_told": "another rule has told about it, or the rule itself",
    "list_empty": "there is nothing to list",
    "not_enough_stock": "others have come first, and there is not enough left",
    "limit": "the rule has told this as often as it may",
    "frequency_cap": "the customer has had enough messages for now",
    "quiet_hours": "the customer is left alone at this hour, or the team is not at work",
    "not_yet": "it is to go out later",
    "render_failed": "the text could not be written",
    "no_translation": "there is no text in a language that would do",
}
#: Of these, what can hold a message.
HOLDING = ("paused", "brake", "not_yet", "frequency_cap", "quiet_hours")
