"""A participant's sitting: learn, work on image after image, answer the questionnaires (thesis, 3.3.3.3)."""

from __future__ import annotations

from collections.abc import Sequence

from AnatomyGuidedLib.errors import Cancelled

from LIMISLib.participants.case_work import BROKEN_OFF, INPUT_ENDED, STOPPED, Outcome, work_on
from LIMISLib.participants.plan import PlannedCase, Times
from LIMISLib.participants.questionnaire import answers
from LIMISLib.participants.records import VIEW, Records
from LIMISLib.participants.terminal import Terminal

LEARN, WORK = "learn", "work"

_WELCOME = (
    'Type what shall be done: "make the box ten pixels larger", "the mask is oversegmented", "undo". "help" lists what '
    f'can be said, "quit" ends the part. Keep {VIEW} of your folder open in an image viewer that follows the file.'
)


def sit(cases: Sequence[PlannedCase], times: Times, terminal: Terminal, records: Records) -> None:
    """Nothing; all that the participant did and answered is in the records. The first case is for learning.

    Raises:
        AnatomyGuidedError: A case's image or anatomy cannot be read, or does not show the structure.
    """
    terminal.tell(_WELCOME)
    learn_s, work_s, image_s = (60 * n for n in (times.learn_minutes, times.work_minutes, times.image_minutes))
    terminal.tell(f"First {times.learn_minutes:g} minutes to learn. Nothing counts here.")
    outcome = _on_case(cases[0], LEARN, learn_s, times, terminal, records)
    terminal.tell(
        f"Now {times.work_minutes:g} minutes to work, at most {times.image_minutes:g} an image. Hand over the step "
        'that you like best: "finish", or "finish with step 1".'
    )
    left_s = work_s
    for case in cases[1:]:
        if left_s <= 0 or outcome.ended == INPUT_ENDED:
            break
        outcome = _on_case(case, WORK, min(image_s, left_s), times, terminal, records)
        left_s -= outcome.seconds
        if outcome.ended == STOPPED:
            break
    _part(terminal, records)


def _on_case(
    case: PlannedCase, phase: str, limit_s: float, times: Times, terminal: Terminal, records: Records
) -> Outcome:
    """The case's outcome; reading the image does not count as time. What was done is kept if the person breaks off."""
    session, answer = records.tools.begun(case)
    terminal.tell(f"Image {case.name}. {answer}")
    terminal.show(session)
    started_s = terminal.clock()
    made = len(session.states)
    try:
        outcome = work_on(
            session,
            terminal,
            times,
            started_s + limit_s,
            lambda said: records.note(phase, case.name, said, started_s),
            counts=phase == WORK,
        )
    except (KeyboardInterrupt, Cancelled):
        seconds, chosen = terminal.clock() - started_s, session.current.number if session.current else 0
        records.keep(phase, case, session, Outcome(BROKEN_OFF, chosen, seconds, len(session.states) - made))
        raise
    records.keep(phase, case, session, outcome)
    return outcome


def _part(terminal: Terminal, records: Records) -> None:
    """Nothing; the questionnaires are answered."""
    terminal.tell("That was the last image, thank you. Seven questions about the work:")
    given = answers(terminal)
    comment = terminal.ask("Anything that you want to say? (Enter: nothing)")
    records.end(given, comment or "", complete=all(value is not None for value in given.values()))
    terminal.tell("Thank you, that was all.")
