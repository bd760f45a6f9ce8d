CREATE ROLE :"role" NOLOGIN;
COMMENT ON ROLE :"role" IS 'gatehouse: what its policies could allow at a level';
