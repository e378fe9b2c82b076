"""Actions: what a decision asks for, in the imperative. Each is the event that will say that it was carried out.

The engine carries actions out and records them (engine/advance.py); nothing here does.
"""

from sequencer.core import events

QueueTouch = events.TouchQueued
CancelTouch = events.TouchCancelled
OpenTask = events.TaskOpened
SnoozeTask = events.TaskSnoozed
CancelTask = events.TaskCancelled
MarkOverdue = events.TaskOverdue
CompleteStep = events.StepCompleted
SkipStep = events.StepSkipped
PlanRetry = events.RetryPlanned
TakeBranch = events.BranchTaken
GoTo = events.WentTo
PutPause = events.PausePut
TakePause = events.PauseTaken
PutHold = events.HoldPut
TakeHold = events.HoldTaken
Finish = events.Finished
React = events.Reacted
FireRule = events.RuleFired
Notify = events.Notified
SuppressContact = events.ContactSuppressed
Reassign = events.Reassigned

Action = (
    QueueTouch | CancelTouch | OpenTask | SnoozeTask | CancelTask | MarkOverdue | CompleteStep | SkipStep | PlanRetry
    | TakeBranch | GoTo | PutPause | TakePause | PutHold | TakeHold | Finish | React | FireRule | Notify
    | SuppressContact | Reassign
)  # fmt: skip
