-- Nobody waits for the disk: what a crash of the server makes undone was for a session that the crash has ended, and what it leaves
-- is a user that nobody can log in as, which the gateway finds by its mark.
SET LOCAL synchronous_commit TO off;
ALTER ROLE :"user" LOGIN VALID UNTIL :'until' CONNECTION LIMIT :sessions;
COMMENT ON ROLE :"user" IS :'holder';
