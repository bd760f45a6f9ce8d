SET ROLE :"user";
