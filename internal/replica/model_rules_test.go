package replica

// The rules of the model itself: of whoever owns a replica, of registrars, and
// of the scripts. They begin where those of the replica end.
const (
	ruleSubscribeFirst rule = 1 << (iota + 16)
	ruleTwoVersions
	ruleOneMaster
	ruleReaderGrace
	ruleReaperGrace
	ruleSilence
	ruleFailure
	ruleMaster
	ruleStep
	ruleReapDeadline
	ruleRegisterDeadline
	ruleMark
	ruleArrivals
	ruleDoubt
	ruleRecreate
	ruleHash
	ruleRepair
	ruleHoldClock
	ruleHoldEnds
	ruleUndo
	ruleFence
	ruleSeq
	ruleTombstone
	ruleTag
)
