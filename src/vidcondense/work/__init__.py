"""Work in units: a unit is a command on a folder, and the file that it leaves proves it done.

`queue` says which unit is next, counts failures and shows progress; where units run is an engine's choice:
`here` starts processes on this machine, `cluster` tasks of Ray on all machines of a cluster. Both run the
same command through `process`, with as many threads as the unit has cores, so that both give the same bytes.
"""
