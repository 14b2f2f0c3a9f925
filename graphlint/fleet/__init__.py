"""Many models: in processes, over any executor, from a cache, and from where an interrupted run stopped."""
