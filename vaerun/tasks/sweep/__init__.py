"""A sweep: many runs from one command, listed in one folder.

    <out>/multirun/<name or date>/
      sweep.yaml  configs.json     command, trials and the config of each
      table.md  table.csv          status, overrides, metrics, seconds and run folder of each trial
      summary.png                  the metrics of all finished runs
      trials/03.json  03.log       status of trial 3; its output, if it had its own process

The runs themselves are where those of single commands are. A trial is run under its own lock file,
and not if its run has finished: so several processes, or tasks of a cluster's job array, can work
on one sweep, and no trial is run twice.
"""
