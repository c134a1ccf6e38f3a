package replica

import (
	"math/rand/v2"
	"testing"
	"time"
)

// The rules of who owns a feed, of registrars, and of the scripts.
const (
	ruleTwoVersions      rule = ruleOthers << iota // a snapshot lies between two versions
	ruleRecreate                                   // a subscription that lost events is made anew
	ruleHash                                       // a score alone removes no node
	ruleListed                                     // nor does a hash that is missing from an empty index
	ruleReaperGrace                                // reapers check leases only after unbroken contact
	ruleReapDeadline                               // a reap comes soon after the answer that it is based on, or does nothing
	ruleRegisterDeadline                           // a register comes while its caller waits, or does nothing
	ruleRepair                                     // a reaper mends the score of a hash that lives
	ruleAgain                                      // what Redis does not know is registered again at once
	ruleUndo                                       // an undo acts on its own lease alone
	ruleUndoTime                                   // and is repeated until no call can come any more, by Redis's clock
	ruleFence                                      // an older lease changes nothing
	ruleSeq                                        // nor does an older call of the same lease
	ruleTombstone                                  // a deregistration stays
	ruleTag                                        // a tag covers everything before it
	ruleReport                                     // a process whose renewals Redis refuses reports that its nodes are alive
	ruleAnew                                       // a guess that was refused is chosen anew
	ruleAhead                                      // a guess that is ahead takes no node
	ruleKept                                       // a service that has nodes keeps its history
)

// a scenario is a plan of runs in which little happens but what a rule is for.
func scenario(faults []fault, deeds []deed, adapt ...func(*plan)) func(*rand.Rand) plan {
	return func(rng *rand.Rand) plan {
		p := plan{
			ttl: 6 * time.Second, poll: 2 * time.Second, log: 128, retired: day, readers: 2, processes: 3, length: 30 * time.Second,
			faults: faults, faultEvery: time.Duration(2+rng.IntN(6)) * time.Second,
			deeds: deeds, deedEvery: time.Duration(100+rng.IntN(2000)) * time.Millisecond,
		}
		for _, a := range adapt {
			a(&p)
		}
		return p
	}
}

var (
	faultless = func(p *plan) { p.faultless = true }
	lossy     = func(p *plan) { p.loss = 0.1 }
	shuffle   = func(p *plan) { p.reorder = 0.3 }
	guessed   = func(p *plan) { p.guesses = 0.5 }
	astray    = func(p *plan) { p.guesses, p.ahead, p.hang, p.ttl = 0.9, 0.5, 0.5, 30*time.Second }
	slow      = func(p *plan) { p.slow = 0.3 }
	slower    = func(p *plan) { p.slow = 0.9 }
	hung      = func(p *plan) { p.hang = 0.1 }
	flapping  = func(p *plan) {
		p.flapping, p.ttl, p.faultEvery, p.length = true, 15*time.Second, 4*time.Second, time.Minute
	}
	copied  = func(p *plan) { p.copies = 0.3 }
	patient = func(p *plan) { p.ttl, p.poll = 15*time.Second, 5*time.Second }
	brief   = func(p *plan) { p.retired = time.Second }
	belated = func(p *plan) { p.lateReaps = 0.5 }
	rarely  = func(p *plan) { p.deedEvery = 4 * time.Second }
	often   = func(p *plan) { p.faultEvery = 2 * time.Second }
	steady  = life("join", "update", "leave")
	mortal  = life("join", "take over", "crash", "update")
)

// TestRules switches each rule off, and checks that a run breaks the promise that
// the rule is for, which it keeps with the rule.
func TestRules(t *testing.T) {
	if *seedFlag != 0 && *ruleFlag == "" {
		return
	}
	for _, tc := range []struct {
		name    string
		off     rule
		seed    uint64 // where to begin: it was seen there
		promise string
		plan    func(*rand.Rand) plan
	}{
		{"chain", ruleChain, 464, noGap, scenario(some("lagging failover"), steady)},
		{"back", ruleBack, 11, noGap, scenario(some("lagging failover"), steady)},
		{"count", ruleCount, 1, noGap, scenario(some("index evicted"), mortal)},
		{"blank", ruleBlank, 67, noGap, scenario(some("version evicted", "half-open"), steady, often)},
		{"first", ruleFirst, 13, thrift, scenario(nil, steady, faultless)},
		{"begun", ruleBegun, 1, thrift, scenario(nil, life("join", "take over", "leave"), faultless, brief)},
		{"kept", ruleKept, 1, thrift, scenario(nil, life("join", "take over", "leave"), faultless, brief)},
		{"once", ruleOnce, 1, noGap, scenario(nil, life("join", "crash", "update"), lossy, slow)},
		{"highest", ruleHighest, 1, inOrder, scenario(some("lagging failover"), steady)},
		{"evidence", ruleEvidence, 37, noGap, scenario(some("process paused"), mortal, slow)},
		{"hold", ruleHold, 1, noFalseEnd, scenario(some("flush"), steady)},
		{"subscribe first", ruleSubscribeFirst, 24, prompt, scenario(some("cut"), steady, slow, patient, rarely)},
		{"two versions", ruleTwoVersions, 1, noGap, scenario(some("cut"), life("join", "burst"))},
		{"reader's grace", ruleReaderGrace, 2, noFalseEnd, scenario(some("long stop"), steady)},
		{"reaper's grace", ruleReaperGrace, 2, noFalseEnd, scenario(some("long stop"), steady)},
		{"silence", ruleSilence | ruleFailure, 2, noFalseEnd, scenario(some("long stop"), steady)},
		{"failure", ruleFailure, 3853, noFalseEnd, scenario(some("short stop"), steady, flapping)},
		{"master", ruleMaster, 3, noFalseEnd, scenario(some("lagging failover"), steady)},
		{"step", ruleStep, 2, noFalseEnd, scenario(some("step"), steady)},
		{"reap's deadline", ruleReapDeadline, 58, noFalseEnd, scenario(some("long stop", "process paused"), mortal, belated)},
		{"register's deadline", ruleRegisterDeadline, 1, noZombie, scenario(nil, mortal, hung)},
		{"mark", ruleMark, 1, thrift, scenario(nil, life("join", "burst"), faultless)},
		{"arrivals", ruleArrivals, 695, thrift, scenario(nil, life("join", "burst"), faultless, shuffle)},
		{"wait", ruleWait, 1, thrift, scenario(nil, life("join", "burst"), faultless, shuffle)},
		{"recreate", ruleRecreate, 1, noDeafness, scenario(some("half-open"), steady)},
		{"hash", ruleHash, 2, noFalseEnd, scenario(some("migration"), steady)},
		{"listed", ruleListed, 8, noFalseEnd, scenario(some("migration", "flush"), steady, slow)},
		{"one master", ruleOneMaster, 185, noFalseEnd, scenario(some("migration", "lagging failover"), steady, slower, often)},
		{"lease ends", ruleLeaseEnds, 1, soonGone, scenario(nil, life("join", "crash all"), patient)},
		{"again", ruleAgain, 1, recovers, scenario(some("flush"), steady)},
		{"repair", ruleRepair, 2, noFalseEnd, scenario(some("migration"), steady)},
		{"hold's clock", ruleHoldClock, 45, noFalseEnd, scenario(some("flush", "long stop"), steady)},
		{"hold's view", ruleHoldSettled, 5040, noFalseEnd, scenario(some("flush", "half-open"), steady, often)},
		{"hold anew", ruleHoldAnew, 1060, noFalseEnd, scenario(some("migration", "half-open", "flush"), steady, patient)},
		{"hold's end", ruleHoldEnds, 1, converges, scenario(some("flush"), mortal)},
		{"undo", ruleUndo, 1, noFalseEnd, scenario(nil, mortal, hung)},
		{"undo's time", ruleUndoTime, 1, noZombie, scenario(nil, steady, astray)},
		{"anew", ruleAnew, 1, lastWins, scenario(nil, mortal, guessed)},
		{"ahead", ruleAhead, 1, lastWins, scenario(nil, mortal, astray)},
		{"fence", ruleFence, 1, fenced, scenario(nil, mortal, hung, copied)},
		{"seq", ruleSeq, 1, fenced, scenario(nil, life("join", "burst"), hung)},
		{"tombstone", ruleTombstone, 1, noZombie, scenario(nil, steady, copied)},
		{"tag", ruleTag, 1492, noGap, scenario(some("failover"), life("join", "update", "override"), copied, often)},
		{"report", ruleReport, 1, noFalseEnd, scenario(some("writes refused"), steady)},
		{"live", ruleLive, 1, noFalseEnd, scenario(some("writes refused"), steady)},
		{"live's lease", ruleLiveLease, 1, ownWord, scenario(some("writes refused"), mortal, often)},
		{"live's time", ruleLiveSince, 1, noFalseEnd, scenario(some("writes refused"), steady, lossy)},
		{"live's reading", ruleLiveRead, 1, noFalseEnd, scenario(some("writes refused", "cut"), steady, often)},
		{"live's end", ruleLiveRenewed, 1, refusalEnds, scenario(some("writes refused"), steady)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			switch {
			case *ruleFlag != "" && *ruleFlag != tc.name:
				return
			case *seedFlag != 0:
				show(t, *seedFlag, tc.off, tc.plan)
				return
			}
			const runs = 500
			seed := search(tc.seed, runs, func(seed uint64) bool {
				v := newWorld(seed, tc.off, tc.plan).play()
				return v != nil && v.promise == tc.promise && newWorld(seed, 0, tc.plan).play() == nil
			})
			if seed == 0 {
				t.Fatalf("in %d runs without the rule, none is where %s, and would not be with it", runs, tc.promise)
			}
			t.Logf("seed %d: %v", seed, newWorld(seed, tc.off, tc.plan).play())
		})
	}
}
