ALTER ROLE :"user" SET :"setting" TO :'value';
