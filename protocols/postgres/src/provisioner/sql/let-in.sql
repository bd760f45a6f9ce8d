ALTER ROLE :"user" LOGIN VALID UNTIL :'until' CONNECTION LIMIT :sessions;
COMMENT ON ROLE :"user" IS :'holder';
