-- Which hosts a project's workspaces may reach (null: open), and whether its agents read the repository's settings (null: ignored).
ALTER TABLE projects ADD COLUMN egress TEXT;
ALTER TABLE projects ADD COLUMN repository_settings TEXT;
