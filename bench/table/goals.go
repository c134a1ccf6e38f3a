package main

// goals are what the project aims at, by work and unit. Values are for two cores with Redis
// beside the clients; ratios hold on other machines, too.
var goals = map[string]string{
	"Notify/new p50-us":                 "130, 5x bare, 0.45x etcd-tmpfs",
	"Notify/new p99-us":                 "0.5x etcd-tmpfs",
	"Notify/changed p50-us":             "75, 3x bare",
	"Notify/new-cancellable p50-us":     "new + 5",
	"Cost/register/1 command-us/node":   "16",
	"Cost/register/100 command-us/node": "9, 110k/s of a core",
	"Cost/renew/1 command-us/node":      "6",
	"Cost/renew/100 command-us/node":    "3.6, 280k/s of a core, 0.83x script",
	"Read/1000 sec/op":                  "0.0035",
	"FirstView/1000 sec/op":             "0.005",
	"FirstView/10000 sec/op":            "0.05",
	"Memory/1000 redis-B/node":          "700",
	"Heap/resolver B/node":              "750",
	"Pick/p2c/1000 sec/op":              "6e-08",
}
