-- What a member of the marker has made as the marker. Nobody has its rights but for this.
GRANT gatehouse_minted TO :"administrator";
DROP OWNED BY gatehouse_minted;
REVOKE gatehouse_minted FROM :"administrator";
