-- What somebody has given to the marker. Nobody has its rights but for this.
GRANT gatehouse_minted TO :"administrator" WITH INHERIT TRUE, SET FALSE;
DROP OWNED BY gatehouse_minted;
REVOKE gatehouse_minted FROM :"administrator";
