-- Where a node runs agents, as it reports itself.
ALTER TABLE nodes ADD COLUMN runtime TEXT;
