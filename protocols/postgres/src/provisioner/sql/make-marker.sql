-- Every role of the gateway's making is a member of this one. It is there to be recognised by and has no rights.
CREATE ROLE gatehouse_minted NOLOGIN NOINHERIT;
COMMENT ON ROLE gatehouse_minted IS 'gatehouse: marks the roles that it has made, and may remove';
