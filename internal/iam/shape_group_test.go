package iam_test

var groupShapes = shapes{}
