CREATE INDEX tasks_activity ON tasks (project_id, updated_at);
