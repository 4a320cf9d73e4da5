-- When the object of a destroyed node was emptied; null: not yet.
ALTER TABLE nodes ADD COLUMN object_deleted_at INTEGER;
