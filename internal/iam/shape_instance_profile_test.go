package iam_test

var profileShapes = shapes{}
