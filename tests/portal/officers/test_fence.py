"""The room of the fence through the real pages: the alarm on everybody's desk, both keys, one hand."""

from fund.governance import fence
from fund.governance.approval import Proposal
from fund.governance.fence import FenceEntry
from portal import tasks
from tests.fund.governance.test_fence import restore
from tests.portal.officers.conftest import sign_in

ROOM = "/en/officers/fund/fenceentry/"
ALARM = "The outbox is fenced"


def test_both_nations_release_a_copy_at_the_desk(american, japanese, make_officer):
    auditor = sign_in(make_officer(duties=["audit"]).user)
    assert ALARM not in auditor.get("/en/officers/").content.decode()
    restore()
    assert ALARM in auditor.get("/en/officers/").content.decode()
    assert "対外送出を停止中" in auditor.get("/ja/officers/").content.decode()
    assert auditor.post(f"{ROOM}propose/", {"reason": "x"}).status_code == 403

    said = sign_in(american.user).post(f"{ROOM}propose/", {"reason": "Compared with both banks."}, follow=True)
    assert "what waits is mailed" in said.content.decode() and not fence.is_open()
    proposal = Proposal.objects.get(kind="release")
    second = sign_in(japanese.user)
    second.post(f"/en/officers/fund/proposal/{proposal.pk}/sign/", {"digest": proposal.hex_digest})
    tasks.relay_notes()
    assert fence.is_open() and ALARM not in second.get("/en/officers/").content.decode()


def test_any_officer_closes_it_with_a_reason(make_officer):
    auditor = sign_in(make_officer(duties=["audit"]).user)
    assert auditor.post(f"{ROOM}close/", {"reason": ""}).status_code == 422 and fence.is_open()
    auditor.post(f"{ROOM}close/", {"reason": "A file looks wrong."})
    entry = FenceEntry.objects.latest("id")
    assert (entry.act, entry.why, entry.reason) == ("closed", "by_hand", "A file looks wrong.")
    page = auditor.get(f"{ROOM}{entry.pk}/").content.decode()
    assert "A file looks wrong." in page and entry.generation in page
