ALTER TABLE nodes ADD COLUMN kept_task_ids TEXT NOT NULL DEFAULT '[]';
ALTER TABLE nodes ADD COLUMN taken INTEGER NOT NULL DEFAULT 0;
UPDATE nodes SET taken = json_array_length(task_ids);
