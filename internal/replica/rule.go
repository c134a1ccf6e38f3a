package replica

// A rule is one that the tests switch off to see what it is for. Outside of
// tests every rule is on.
type rule uint64

const (
	ruleChain       rule = 1 << iota // an event applies only if its prev-tag is ours
	ruleBack                         // a version that is older than the question means a fork
	ruleCount                        // at an equal tag, the index has as many members as we
	ruleFirst                        // the first change of a service is read at once
	ruleOnce                         // a subscription that no snapshot has followed is not to blame
	ruleBlank                        // no version proves nothing
	ruleHighest                      // revisions never go back within an epoch
	ruleEvidence                     // an older read says nothing of what is newer
	ruleBegun                        // a history that begins is read, and no event was lost
	ruleHold                         // what was not deregistered was lost, and is held
	ruleLive                         // a node that reports that it is alive is held when its lease ends
	ruleLiveLease                    // it has to report that under the lease that we know
	ruleLiveSince                    // it is held for a TTL from that report
	ruleLiveRead                     // a snapshot that finds the same registration ends no hold
	ruleLiveRenewed                  // a renewal that came later does

	ruleSilence        // contact breaks on a silence,
	ruleFailure        // on a call that failed,
	ruleMaster         // on another master,
	ruleStep           // and where Redis's clock was set
	ruleSubscribeFirst // a snapshot waits for the subscription
	ruleMark           // an answer is compared with what was known when it was asked for
	ruleArrivals       // and settles only the odd events that came before
	ruleWait           // an event that does not chain is given time
	ruleReaderGrace    // readers check leases only after unbroken contact
	ruleOneMaster      // one master gave both the lease end and the missing hash
	ruleLeaseEnds      // readers poll when a lease has ended
	ruleHoldClock      // holds end by contact alone,
	ruleHoldSettled    // only when the view is Redis's own,
	ruleHoldAnew       // a full TTL after the last loss of history,
	ruleHoldEnds       // and they end

	ruleOthers // the first of those that the tests add
)
