GRANT gatehouse_minted TO :"user";
