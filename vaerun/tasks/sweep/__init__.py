"""A sweep: many runs from one command, in one folder that says how each of them goes.

    <out>/multirun/<name or date>/
      sweep.yaml  configs.json     what was typed; the trials and the config of each
      table.md  table.csv          status, overrides, metrics, seconds and run folder of each trial
      summary.png                  the metrics of all that have finished
      trials/03.json  03.log       how trial 3 stands; what it said, if it had a process of its own

The runs themselves lie where those of single commands do. Every trial is done under a lock of its
own, and whoever holds it looks first whether the run is there already: so several processes, or
several tasks of a cluster's job array, can be at one sweep, and none is done twice.
"""
