SELECT loop, through, closed, toInt64(dateDiff('millisecond', written, now64(3)))
FROM progress FINAL
