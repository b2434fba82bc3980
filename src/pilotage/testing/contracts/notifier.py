"""The Notifier port: every sentence of its contract that holds for all channels, before a receiver."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pilotage.adapters.outgoing import Undelivered
from pilotage.adapters.ports import AdapterError
from pilotage.model.message import Incident, Message, Severity
from pilotage.testing.harness import NotifierUnderTest

MESSAGE = Message(
    key="shop-production-1a2b/7",
    thread="shop-production-1a2b",
    type="rollback-started",
    severity=Severity.CRITICAL,
    title="shop 2.4.0 → production: rollback started",
    text="rolling back: error rate: canary 4.8 % (12 of 250)",
    at=1_790_000_000.0,
    service="shop",
    environment="production",
    version="2.4.0",
    facts=(("users", "5 %"), ("plan", "abc")),
    incident=Incident.TRIGGER,
    old="2.3.0",
)


class NotifierContract:
    """Give it a fixture `channel` with a `NotifierUnderTest` that got nothing yet."""

    def test_a_message_arrives_whole_with_its_key(self, channel: NotifierUnderTest) -> None:
        channel.send(MESSAGE)
        assert channel.received() == [MESSAGE.key]
        assert "12 of 250" in channel.shown()

    def test_a_repetition_can_be_told_from_a_new_message(self, channel: NotifierUnderTest) -> None:
        receipt = channel.send(MESSAGE)
        channel.send(MESSAGE, again=True)
        assert set(channel.received()) == {MESSAGE.key}
        assert len(channel.received()) == (1 if channel.drops_repetitions else 2)
        assert isinstance(receipt, dict)

    def test_five_megabytes_arrive_cut_or_whole(self, channel: NotifierUnderTest) -> None:
        channel.send(replace(MESSAGE, text="a long story " * 400_000))
        assert channel.received() == [MESSAGE.key]

    @pytest.mark.parametrize("permanent", [False, True])
    def test_a_refusal_says_whether_to_try_again(self, channel: NotifierUnderTest, *, permanent: bool) -> None:
        if channel.refuse is None:
            pytest.skip("this receiver refuses nothing")
        channel.refuse(permanent)
        with pytest.raises(AdapterError) as refused:
            channel.send(MESSAGE)
        assert (isinstance(refused.value, Undelivered) and refused.value.permanent) is permanent
        if not permanent:
            channel.send(MESSAGE, again=True)
            assert channel.received() == [MESSAGE.key]
