-- Not CASCADE: what is somebody else's stays, and with it what it rests on. To drop runs no code of the object's.
DROP OWNED BY :"user";
