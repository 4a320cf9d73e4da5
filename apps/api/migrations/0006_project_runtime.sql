-- The runtime that a project demands for its tasks; NULL: the node's.
ALTER TABLE projects ADD COLUMN runtime TEXT;
